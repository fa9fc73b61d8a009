-- How far the record of answers has been turned into memories.

create table capture (
  one integer primary key check (one = 1),
  seq integer not null                                               -- of the last interaction that was looked at
) strict;

insert into capture (one, seq) values (1, 0);
