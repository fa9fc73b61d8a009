-- Short-lived keys for browsers; and no name of an erased person is left with keys and in the audit.

alter table keys add column minted_by text;                          -- id of the key that a token was minted with, `local`: without one; null: a key

create index keys_by_minter on keys (minted_by, expires_at) where minted_by is not null;

-- What a key is called may be a person's name, and the audit cannot be erased.
drop trigger audit_is_not_rewritten;
update audit set detail = json_remove(detail, '$.name') where action = 'key.create';
create trigger audit_is_not_rewritten before update on audit
begin select raise(abort, 'audit is append-only'); end;
