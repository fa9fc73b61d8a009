-- What each person's past conversations are recalled from. Times are milliseconds since 1970 in UTC.
-- Everything below `memories` can be made anew from it and `memory_units`.

create table memories (
  owner         integer not null references owners (id),
  number        integer not null check (number > 0),                 -- ascends in the order of recording
  id            text not null,                                       -- the public one
  kind          text not null check (kind in ('turn', 'note', 'fact', 'preference', 'instruction')),
  session       text,
  position      integer check ((position is null) = (session is null)),
  role          text check (role in ('user', 'assistant')),
  speaker       text,
  at            integer not null,                                    -- when it was said or happened
  recorded_at   integer not null,
  ended_at      integer,                                             -- until when it held; null: it holds
  superseded_by text,                                                -- id of the memory that holds instead
  external_id   text,                                                -- the sender's own id
  interaction   text,                                                -- id of the answer it was said in
  source        text,                                                -- id of the memory it was derived from
  primary key (owner, number),
  unique (owner, id)
) strict, without rowid;

create index memories_by_session on memories (owner, session, position) where session is not null;
create unique index memories_by_external_id on memories (owner, external_id) where external_id is not null;
create index memories_by_successor on memories (owner, superseded_by) where superseded_by is not null;
create index memories_by_source on memories (owner, source) where source is not null;

-- What is indexed by itself: a memory, or the parts of a long one, which together are its text.
create table memory_units (
  owner          integer not null,
  unit           integer not null,                                   -- number × 1024 + part
  text           text not null,
  second_before  integer,                                            -- units around it in its session
  before         integer,
  after          integer,
  self_length    integer not null,                                   -- terms in it
  context_length integer not null,                                   -- terms in the units around it
  terms          text not null check (json_valid(terms)),            -- those it has postings of
  primary key (owner, unit)
) strict, without rowid;

create table memory_postings (
  owner          integer not null,
  term           text not null,
  unit           integer not null,
  self           integer not null,                                   -- how often it is in the unit
  context        integer not null,                                   -- how often it is around it
  self_length    integer not null,
  context_length integer not null,
  primary key (owner, term, unit)
) strict, without rowid;

-- Sums over memory_units, kept by the triggers below.
create table memory_totals (
  owner          integer primary key,
  units          integer not null,
  self_length    integer not null,
  context_length integer not null
) strict;

create trigger memory_units_are_counted after insert on memory_units begin
  insert into memory_totals values (new.owner, 1, new.self_length, new.context_length)
  on conflict do update set units = units + 1, self_length = self_length + new.self_length, context_length = context_length + new.context_length;
end;

create trigger memory_units_are_counted_again after update on memory_units begin
  update memory_totals set self_length = self_length + new.self_length - old.self_length, context_length = context_length + new.context_length - old.context_length
  where owner = new.owner;
end;

create trigger memory_units_are_discounted after delete on memory_units begin
  update memory_totals set units = units - 1, self_length = self_length - old.self_length, context_length = context_length - old.context_length
  where owner = old.owner;
  delete from memory_totals where owner = old.owner and units = 0;
end;

-- At most one model's vectors a unit, so that those of two are never compared.
create table memory_vectors (
  owner  integer not null,
  unit   integer not null,
  model  text not null,
  vector blob not null,                                              -- int8, scaled so that the largest is 127
  primary key (owner, unit)
) strict, without rowid;

-- Signs of the vectors, one bit a dimension, which are compared first where an owner has many.
create table memory_signs (
  owner integer not null,
  unit  integer not null,
  model text not null,
  bits  blob not null,
  primary key (owner, unit)
) strict, without rowid;

-- Signs of the vectors of a unit's content tokens, one after the other.
create table memory_tokens (
  owner integer not null,
  unit  integer not null,
  model text not null,
  bits  blob not null,
  primary key (owner, unit)
) strict, without rowid;

-- Units that wait for their vectors.
create table memory_unembedded (
  owner integer not null,
  unit  integer not null,
  primary key (owner, unit)
) strict, without rowid;
