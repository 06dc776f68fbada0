-- Rows that are updated at each start of an app keep room for that on their page: an update that changes no indexed
-- column then touches no index (HOT), and what it replaces is cleared by the next one instead of by a vacuum.
-- Pages that are full already get their room as their rows move on.
alter table device set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
alter table address set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
