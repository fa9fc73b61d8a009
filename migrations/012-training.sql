-- Trainings and what came of each. Times are milliseconds since 1970 in UTC. No text of a person is here; job files, which hold some as token ids, lie in the data folder while a run is under way.

create table training_runs (
  id         text primary key,
  tenant     text not null,
  dataset    text not null references datasets (id),
  wanted     text not null check (json_valid(wanted)),
  erased     integer not null default 0,                             -- rows of its data set that were gone when its job was written
  created    integer not null,
  ended      integer,                                                -- null: it is under way, or waits
  stage      text not null check (stage in ('waiting', 'preparing', 'training', 'evaluating', 'done', 'failed', 'cancelled')),
  method     text check (method in ('sft', 'kto', 'dpo')),           -- null: not decided yet, or nothing is trained
  estimate   text check (json_valid(estimate)),
  took       text not null default '{}' check (json_valid(took)),    -- milliseconds by stage
  losses     text not null default '[]' check (json_valid(losses)),
  failure    text check (json_valid(failure)),                       -- code and message; null: it did not fail
  measured   text check (json_valid(measured)),                      -- null until it is done, as the next
  verdict    text check (json_valid(verdict)),
  version    integer check (version > 0),                            -- of the adapter it became; null: it was not let in
  digest     blob check (length(digest) = 32),                       -- of the adapter's file
  base       blob check (length(base) = 32),                         -- of the base's file
  train_rate real                                                    -- tokens a second of its last steps; later estimates are made of it
) strict;

create index training_runs_by_tenant on training_runs (tenant, created);
create index training_runs_by_digest on training_runs (digest);
create index training_runs_by_dataset on training_runs (dataset);
