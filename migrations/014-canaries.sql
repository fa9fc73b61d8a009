-- Canaries: a share of the people who ask for an adapter by its name gets another version of it, until a verdict. Times are milliseconds since 1970 in UTC.

create table canaries (
  id         text primary key,                                         -- also what the share is drawn by
  adapter    text not null,
  candidate  integer not null,
  live       integer not null check (live <> candidate),               -- what all others get
  percent    integer not null check (percent between 1 and 99),
  began      integer not null,
  ended      integer,                                                  -- null: it is under way, as the next two
  outcome    text check (outcome in ('promoted', 'ended')),
  words      text,                                                     -- why, for people
  plan       text not null check (json_valid(plan)),                   -- how many judged answers decide it, fixed before it began
  looks      text not null default '[]' check (json_valid(looks)),     -- what was seen, and when
  extensions integer not null default 0 check (extensions >= 0),
  tried      text not null default '{}' check (json_valid(tried)),     -- answers and failures of both arms, as far as they were counted
  check ((ended is null) = (outcome is null) and (ended is null) = (words is null)),
  foreign key (adapter, candidate) references adapter_versions (name, version),
  foreign key (adapter, live) references adapter_versions (name, version)
) strict;

create unique index canaries_under_way on canaries (adapter) where ended is null;
create index canaries_by_adapter on canaries (adapter, began);

alter table interactions add column canary text;                       -- whose draw chose the version; null: none did
create index interactions_by_canary on interactions (canary) where canary is not null;

alter table erasures add column adapters text check (json_valid(adapters)); -- NAME@VERSION of those that learnt from their rows; null: not looked up yet

-- What each version of an adapter learnt from: the run that made its file, and the runs that one went on from.
create view adapter_sources as
with recursive sources (root, run) as (
  select id, id from training_runs where stage = 'done' and wanted ->> 'candidate' is null
  union select root, wanted ->> 'parent' from sources join training_runs on id = run where wanted ->> 'parent' is not null
)
select v.name, v.version, v.removed_at, made.id as run, source.dataset, max(d.erased - source.erased, 0) as gone -- rows that have gone since
from adapter_versions v
  join training_runs made on made.id = (select id from training_runs where digest = unhex(v.digest) and stage = 'done' and wanted ->> 'candidate' is null order by created desc limit 1)
  join sources on sources.root = made.id
  join training_runs source on source.id = sources.run
  join datasets d on d.id = source.dataset;
