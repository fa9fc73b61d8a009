-- Rows whose people have taken back their leave count among those that are gone, as a run counts them when it begins.

drop view adapter_sources;

create view adapter_sources as
with recursive sources (root, run) as (
  select id, id from training_runs where stage = 'done' and wanted ->> 'candidate' is null
  union select root, wanted ->> 'parent' from sources join training_runs on id = run where wanted ->> 'parent' is not null
)
select v.name, v.version, v.removed_at, made.id as run, source.dataset,
  max(d.erased + (select count(*) from user_policies p cross join dataset_rows r on r.owner = p.owner and r.dataset = d.id where p.training = 0) - source.erased, 0) as gone -- rows that have gone since
from adapter_versions v
  join training_runs made on made.id = (select id from training_runs where digest = unhex(v.digest) and stage = 'done' and wanted ->> 'candidate' is null order by created desc limit 1)
  join sources on sources.root = made.id
  join training_runs source on source.id = sources.run
  join datasets d on d.id = source.dataset;
