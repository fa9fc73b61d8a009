-- The one durable record of every answer, and whose it is. Times are milliseconds since 1970 in UTC.
-- `delete from interactions` takes all that belongs to them along, message texts included.

-- Everything that is kept of a person hangs on one of these.
create table owners (
  id     integer primary key autoincrement,                          -- never given twice, so nothing old can become another's
  tenant text not null,
  user   text not null,                                              -- '': nobody was named
  unique (tenant, user)
) strict;

-- Texts by their content, so that a conversation that grows is not kept again with every answer.
-- Each owner has copies of their own: what one has said neither shows nor stays through another.
create table messages (
  id     integer primary key,
  owner  integer not null references owners (id),
  digest blob not null check (length(digest) = 32),                  -- sha256 of the body
  body   text not null check (json_valid(body)),
  unique (owner, digest)
) strict;

create table interactions (
  seq      integer primary key autoincrement,                        -- only grows: who reads in this order misses none
  id       text not null unique,
  owner    integer not null references owners (id),
  tenant   text not null,                                            -- the owner's, so that a tenant's are read in order
  session  text not null,
  created  integer not null,
  model    text not null,
  version  integer,                                                  -- of the adapter that `model` names; null: a base
  digest   text not null,                                            -- of all weights that answered
  asked    blob not null check (length(asked) = 32),                 -- chain key of the last message sent
  answered blob check (length(answered) = 32),                       -- chain key with the first answer; null: there is none
  block    text,                                                     -- memory block of the newest user message; null: none
  profile  text,                                                     -- frame at the head of the first user message; null: none
  memories text not null check (json_valid(memories)),               -- ids that the block quotes
  prompt   blob check (length(prompt) = 32),                         -- sha256 of the prompt's token ids; null: never known
  choices  text not null check (json_valid(choices)),
  usage    text check (json_valid(usage)),                           -- null: never known
  timings  text not null check (json_valid(timings)),
  params   text not null check (json_valid(params)),
  metadata text not null check (json_valid(metadata)),
  key_id   text,                                                     -- null: a program on this machine
  error    text,                                                     -- code of what ended the answer early; null: nothing did
  remember integer not null check (remember in (0, 1)),              -- what was said may become memories
  training integer not null check (training in (0, 1))               -- data sets may be made of it
) strict;

create index interactions_by_tenant on interactions (tenant);
create index interactions_by_owner on interactions (owner);
create index interactions_by_session on interactions (owner, session, asked);
create index interactions_by_question on interactions (owner, asked);
create index interactions_by_answer on interactions (owner, answered, session);

-- Which messages were sent, in order.
create table interaction_messages (
  interaction integer not null references interactions (seq) on delete cascade,
  position    integer not null check (position >= 0),
  message     integer not null references messages (id),
  primary key (interaction, position)
) strict, without rowid;

create index interaction_messages_by_message on interaction_messages (message);

create trigger messages_go_with_their_last_interaction after delete on interaction_messages
when not exists (select 1 from interaction_messages where message = old.message)
begin delete from messages where id = old.message; end;
