-- Recalls: messages that replace or take away what an earlier one has shown.
alter table message add column recall_of uuid;
