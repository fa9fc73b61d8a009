-- What is exported when, and what was. Times are milliseconds since 1970 in UTC. No text of a person is here.

create table export_schedules (
  id       text primary key,
  tenant   text not null,
  dataset  text not null,                                            -- its name: every export is of a new version
  filters  text not null check (json_valid(filters)),                -- what versions are built with
  format   text not null,
  split    text not null check (split in ('train', 'valid', 'test')),
  folder   text,                                                     -- null: its own in the data folder
  cron     text,                                                     -- null: by rows
  rows     integer check (rows > 0),                                 -- new evidence that makes an export due; null: by time
  created  integer not null,
  handled  integer not null,                                         -- what was due until then has been done
  evidence text not null check (json_valid(evidence)),               -- what had been recorded when it last ran: {feedback, reviews}
  failure  text check (json_valid(failure)),                         -- code and message of the last run; null: it went well
  check ((cron is null) <> (rows is null))
) strict, without rowid;

create table exports (
  id       text primary key,
  schedule text references export_schedules (id) on delete set null, -- null: asked for by hand, or its schedule is gone
  dataset  text not null references datasets (id) on delete cascade, -- the version
  format   text not null,
  split    text not null check (split in ('train', 'valid', 'test')),
  path     text not null unique,                                     -- where the file was written
  inside   integer not null check (inside in (0, 1)),                -- in the data folder, where an erasure reaches it
  created  integer not null,
  rows     integer not null,
  bytes    integer not null,
  sha256   blob not null check (length(sha256) = 32),
  removed  integer check (removed > 0)                               -- when it was deleted because of an erasure; null: it was not
) strict, without rowid;

create index exports_by_dataset on exports (dataset);
create index exports_by_schedule on exports (schedule, created);

alter table erasures add column outside text check (json_valid(outside)); -- exported files out of reach that held rows; null: not looked up yet
