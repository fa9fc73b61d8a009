-- What of its version an exported file may not hold, so that it is written anew when more must go: rows that were erased, forgotten or removed, and people who have taken back their leave.

alter table exports add column lacks text; -- as it was when the file was written; null: not known, since it was written before this column was there
