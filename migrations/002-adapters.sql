-- Adapters: names, the versions under them, and which version answers.
-- The files lie in the vault by their digests; times are ISO 8601 in UTC.

create table adapters (
  name         text primary key,
  base         text not null,                                    -- the base's public name
  live         integer,                                          -- the version that answers; null: none
  previous     integer,                                          -- the version that a rollback brings back
  pinned       integer not null check (pinned in (0, 1)),
  next_version integer not null check (next_version > 0),        -- only grows, so no number is given twice
  created_at   text not null,
  check (live < next_version),
  check (previous < next_version and previous <> live),
  foreign key (name, live) references adapter_versions (name, version),
  foreign key (name, previous) references adapter_versions (name, version)
) strict, without rowid;

create table adapter_versions (
  name          text not null references adapters (name),
  version       integer not null check (version > 0),
  digest        text not null check (length(digest) = 64),       -- sha256 of the file, in hex
  size          integer not null check (size >= 0),              -- bytes
  base          text not null,                                   -- the base's public name when it was checked
  base_digest   text not null check (length(base_digest) = 64),  -- sha256 of the base it was checked against
  base_verified integer not null check (base_verified in (0, 1)),-- the file itself names that base by digest
  rank          integer not null check (rank > 0),
  alpha         real not null,
  source        text not null,                                   -- 'upload', or the reference it was fetched from
  created_at    text not null,
  removed_at    text,                                            -- null: registered
  primary key (name, version)
) strict, without rowid;

create index adapter_versions_by_digest on adapter_versions (digest);
