-- What was said of answers. Times are milliseconds since 1970 in UTC.
-- It goes with what it is on: an answer, both answers of a preference, or a session with its last answer.

create table feedback (
  seq         integer primary key autoincrement,                     -- only grows: who reads in this order misses none
  id          text not null unique,
  owner       integer not null references owners (id),
  tenant      text not null,                                         -- the owner's, so that a tenant's are read in order
  completion  text,                                                  -- the answer's id, stored or not; null: on the whole session
  session     text,                                                  -- null: the answer was not stored
  interaction integer references interactions (seq) on delete cascade, -- the answer, where it was stored
  rejected    integer references interactions (seq) on delete cascade, -- the other one of a preference
  created     integer not null,
  kind        text not null,
  value       text not null check (json_valid(value)),
  comment     text,
  author      text,
  key         text,                                                  -- what makes sending it again safe; null: nothing does
  content     blob check (length(content) = 32),                     -- sha256 of what came with the key
  check ((key is null) = (content is null)),
  check (completion is not null or session is not null)
) strict;

create unique index feedback_by_key on feedback (tenant, key) where key is not null;
create index feedback_by_tenant on feedback (tenant);
create index feedback_by_owner on feedback (owner);
create index feedback_by_session on feedback (owner, session);
create index feedback_by_completion on feedback (completion);
create index feedback_by_interaction on feedback (interaction);
create index feedback_by_rejected on feedback (rejected);

create trigger feedback_is_not_rewritten before update on feedback
begin select raise(abort, 'feedback is append-only'); end;

create trigger feedback_goes_with_the_last_of_its_session after delete on interactions
when not exists (select 1 from interactions where owner = old.owner and session = old.session)
begin delete from feedback where owner = old.owner and session = old.session; end;
