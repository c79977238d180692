-- Claim for a task that holds the whole order: the order is accepted first, if nobody has yet.
--
-- ARGV[4] nonce; ARGV[5] lease in ms; ARGV[6] the worker's id;
-- ARGV[7] lane; ARGV[8] fingerprints; ARGV[9] hashes of the fields; ARGV[10] the order; ARGV[11] '1' if its link is to be
-- sent by email; ARGV[12] the trace context that it came with, or ''; ARGV[13] the version of the layout by which it
-- comes here
-- Returns conflict (the record as it stands) when another order is there under that ref, moved when none is and other partitions
-- take new ones; else as Claim does.
trace = ARGV[12]
local decision = admit('', ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11], '', 0, tonumber(ARGV[13]))
if decision == 'conflict' then return standing('conflict') end
if decision == 'moved' then return { 'moved' } end
return claim(ARGV[4], ARGV[5], ARGV[6])
