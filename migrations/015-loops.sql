-- Loops: from what people say to the next version of an adapter, by themselves. Times are milliseconds since 1970 in UTC. No text of a person is here.

create table loops (
  name     text primary key,                                  -- of its data set and of its adapter
  tenant   text not null,
  settings text not null check (json_valid(settings)),
  created  integer not null,
  handled  integer not null                                   -- until when its cron expression has been looked after
) strict;

create table loop_rounds (
  id       text primary key,
  loop     text not null,
  number   integer not null check (number > 0),               -- 1, 2, … of this loop
  reason   text not null check (reason in ('rows', 'schedule', 'asked', 'erased')),
  began    integer not null,
  ended    integer,                                           -- null: it is under way
  evidence text not null check (json_valid(evidence)),        -- what had been recorded when it began: the last of each
  gone     integer not null default 0 check (gone >= 0),      -- rows that the live version had learnt from and that were gone when it began
  dataset  text,                                              -- what it has come to so far, each null until then
  run      text,
  version  integer check (version > 0),
  canary   text,
  outcome  text check (outcome in ('live', 'refused', 'failed', 'stopped')),
  words    text,                                              -- how it ended, for people
  unique (loop, number),
  check ((ended is null) = (outcome is null) and (ended is null) = (words is null))
) strict;

create unique index loop_rounds_under_way on loop_rounds (loop) where ended is null;
