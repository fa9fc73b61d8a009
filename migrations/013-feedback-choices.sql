-- Which of the answers to one prompt a word is on, where several were asked for (`n`).

alter table feedback add column choice integer not null default 0 check (choice >= 0); -- counted from 0; of a preference, `value` says it
