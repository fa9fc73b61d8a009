-- Versions of data sets, the rows in them, and who is held out. Times are milliseconds since 1970 in UTC.
-- Rows are people's: whoever deletes what a row was made of takes the row along, and its version counts it.

create table datasets (
  id        text primary key,
  tenant    text not null,
  name      text not null,
  version   integer not null check (version > 0),
  created   integer not null,
  state     text not null check (state in ('building', 'ready', 'failed')),
  wanted    text not null check (json_valid(wanted)),                 -- what was asked for
  failure   text check (json_valid(failure)),                         -- code and message; null: nothing failed
  manifest  text check (json_valid(manifest)),                        -- without the list of rows; null until it is ready, as the next three
  listed    text check (json_valid(listed)),                          -- every row in order: [id, sha256, split]
  sha256    blob check (length(sha256) = 32),                         -- of both
  drift     text check (json_valid(drift)),                           -- against the version before; null: there was none
  erased    integer not null default 0,                               -- rows that have gone since it was ready
  disturbed integer not null default 0 check (disturbed in (0, 1)),  -- what it is being made of has changed under it
  unique (tenant, name, version)
) strict;

-- Rows by their content, so that a version that grows is not kept again with every build; each owner has copies of their own.
create table dataset_texts (
  id     integer primary key,
  owner  integer not null references owners (id),
  sha256 blob not null check (length(sha256) = 32),                  -- of the body
  body   text not null check (json_valid(body)),
  unique (owner, sha256)
) strict;

create table dataset_rows (
  dataset     text not null references datasets (id) on delete cascade,
  position    integer not null check (position >= 0),
  owner       integer not null references owners (id),
  row         text not null,                                         -- the row's id, the same in every version
  split       text not null check (split in ('train', 'valid', 'test')),
  interaction text not null,                                         -- what it was made of
  other       text,                                                  -- the other answer's, of a preference
  body        integer not null references dataset_texts (id),
  primary key (dataset, position)
) strict, without rowid;

create index dataset_rows_by_owner on dataset_rows (owner);
create index dataset_rows_by_row on dataset_rows (row);
create index dataset_rows_by_body on dataset_rows (body);

create trigger dataset_rows_are_missed after delete on dataset_rows
begin
  update datasets set erased = erased + 1 where id = old.dataset and state = 'ready';
  delete from dataset_texts where id = old.body and not exists (select 1 from dataset_rows where body = old.body);
end;

create trigger dataset_rows_go_with_their_interaction after delete on interactions
begin
  update datasets set disturbed = 1 where tenant = old.tenant and state = 'building';
  delete from dataset_rows where owner = old.owner and old.id in (interaction, other);
end;

-- A memory was forgotten, and with it the prompts of the session that quoted it.
create trigger dataset_rows_go_with_what_they_quote after update of block, profile on interactions
when old.block is not new.block or old.profile is not new.profile
begin
  update datasets set disturbed = 1 where tenant = old.tenant and state = 'building';
  delete from dataset_rows where owner = old.owner and interaction in (select id from interactions where owner = old.owner and session = old.session);
end;

-- Who is held out of which data set, for ever: nobody moves from one side to the other.
create table dataset_people (
  tenant text not null,
  name   text not null,
  owner  integer not null references owners (id),
  held   integer not null check (held in (0, 1)),
  primary key (tenant, name, owner)
) strict, without rowid;

create index dataset_people_by_owner on dataset_people (owner);

alter table erasures add column datasets text check (json_valid(datasets)); -- NAME@VERSION of those that held rows; null: not looked up yet
