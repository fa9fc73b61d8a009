-- What each person and each key lets be kept, what was erased, and what must not come back.
-- Every table with a column `owner` is a person's: an erasure empties it of them, whoever adds it.

-- What a key lets be kept of those it speaks for; `keyedPolicy` in access/caller.ts where nothing was said.
alter table keys add column memory_read integer not null default 1 check (memory_read in (0, 1));
alter table keys add column memory_write integer not null default 1 check (memory_write in (0, 1));
alter table keys add column store integer not null default 1 check (store in (0, 1));
alter table keys add column training integer not null default 0 check (training in (0, 1));
alter table keys add column by_body integer not null default 0 check (by_body in (0, 1)); -- a user that only the body names counts for memory

-- What a person lets be kept of them, where they have said something.
create table user_policies (
  owner          integer primary key references owners (id),
  memory_read    integer not null check (memory_read in (0, 1)),
  memory_write   integer not null check (memory_write in (0, 1)),
  store          integer not null check (store in (0, 1)),
  training       integer not null check (training in (0, 1)),
  retention_days integer check (retention_days > 0)                  -- null: as long as the server keeps
) strict;

-- Turns that were forgotten, by their chain keys (interactions/chain.ts): sent again, they do not become memories again.
create table forgotten_turns (
  owner integer not null references owners (id),
  key   blob not null check (length(key) = 32),
  primary key (owner, key)
) strict, without rowid;

-- Erased people, under a pseudonym: nobody's name is here.
create table erasures (
  id           text primary key,
  subject      blob not null check (length(subject) = 32),           -- HMAC-SHA256 of tenant and user under the salt
  owner        integer,                                              -- whose rows are still there; null: nobody's
  requested_at integer not null,                                     -- milliseconds since 1970 in UTC, as erased_at
  erased_at    integer,                                              -- null: pending, and finished at the next start
  rows         text check (json_valid(rows))                         -- how many of each table, by its name; null: not counted yet
) strict, without rowid;

create index erasures_by_subject on erasures (subject, requested_at);

create table privacy (
  one  integer primary key check (one = 1),
  salt blob not null check (length(salt) = 32)                       -- without it a pseudonym could be guessed from a list of names
) strict;

insert into privacy (one, salt) values (1, randomblob(32));
