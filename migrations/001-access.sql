-- Who may call, what they have used, and who changed what.
-- Times are ISO 8601 in UTC, which sort as text; days are YYYY-MM-DD in UTC.

create table keys (
  id                  text primary key,
  digest              blob not null check (length(digest) = 32), -- sha256 of the secret
  name                text not null,
  tenant              text not null,
  scopes              text not null check (json_valid(scopes)),
  user                text,                                      -- the only user it speaks for; null: any
  models              text check (json_valid(models)),           -- null: all
  requests_per_minute integer check (requests_per_minute > 0),   -- null: no ceiling
  tokens_per_day      integer check (tokens_per_day > 0),        -- null: no ceiling
  created_at          text not null,
  expires_at          text,
  revoked_at          text,
  last_used_at        text                                       -- to the minute
) strict, without rowid;

create index keys_by_tenant on keys (tenant, created_at);

create table key_usage (
  key_id text not null references keys (id),
  day    text not null,
  tokens integer not null check (tokens >= 0),
  primary key (key_id, day)
) strict, without rowid;

create table audit (
  id      integer primary key,
  at      text not null,
  actor   text not null,
  action  text not null,
  subject text not null,
  detail  text not null check (json_valid(detail))
) strict;

create trigger audit_is_not_rewritten before update on audit
begin select raise(abort, 'audit is append-only'); end;

create trigger audit_is_not_shortened before delete on audit
begin select raise(abort, 'audit is append-only'); end;

-- `insert or replace` deletes without firing the trigger above.
create trigger audit_is_not_replaced before insert on audit when exists (select 1 from audit where id = new.id)
begin select raise(abort, 'audit is append-only'); end;
