-- Digest of what mapped a payload that is kept: as soon as something else maps its kind, it is tried again.
alter table quarantine add column map_fingerprint bigint;
