-- CloseBatch ends the run of a batch of which partitions have parts, once nothing is open in any of them.
--
-- KEYS[1] batches; KEYS[2] the result stream
-- ARGV[1] id; ARGV[2] run; ARGV[3], ARGV[4] and ARGV[5] how many orders it has in all, and how many of them are issued and failed;
-- ARGV[6] '1' to publish it: a part only takes note that it is over
-- Returns 1 if it was ended, or 0 when it is not running, not sealed or in another run.
local id, ms = ARGV[1], math.floor(microseconds() / 1000)
local b = of_batch(KEYS[1], id, 'state', 'sealed', 'refused', 'run', 'cancelled', 'parts')
if b.state ~= 'running' or b.sealed ~= '1' or not b.parts or b.run ~= ARGV[2] then return 0 end
if ARGV[6] == '1' then
  b.orders, b.issued, b.failed = ARGV[3], ARGV[4], ARGV[5]
  finish_as(KEYS[1], KEYS[2], ms, id, b)
else
  redis.call('HSET', KEYS[1], id .. ' state', b.cancelled == '1' and 'cancelled' or 'succeeded', id .. ' finished', string.format('%.0f', ms))
end
return 1
