-- What reviewers decided of answers. Rows are only added; the latest word on an answer counts. Times are milliseconds since 1970 in UTC.
create table reviews (
  seq         integer primary key autoincrement,                     -- only grows: who reads in this order misses none
  id          text not null unique,
  owner       integer not null references owners (id),               -- of the interaction: an erasure takes it along
  interaction integer not null references interactions (seq) on delete cascade,
  created     integer not null,
  reviewer    text not null,
  verdict     text not null check (verdict in ('approved', 'edited', 'rejected')),
  answer      text,                                                  -- what it was edited to; null: it was not
  reason      text,
  check ((verdict = 'edited') = (answer is not null))
) strict;

create index reviews_by_owner on reviews (owner);
create index reviews_by_interaction on reviews (interaction, seq);
