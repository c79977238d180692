-- PruneBatch forgets a batch that was opened long ago and has nothing open.
--
-- KEYS[1] batches; KEYS[2] batches by the time they were opened; KEYS[3] the batch's orders
-- ARGV[1] id; ARGV[2] ms: later ones are kept
-- Returns 1, or 0 when it is kept.
local id = ARGV[1]
local b = of_batch(KEYS[1], id, 'state', 'open')
local opened = redis.call('ZSCORE', KEYS[2], id)
if opened and tonumber(opened) > tonumber(ARGV[2]) or b.state and tonumber(b.open or 0) > 0 then return 0 end
redis.call('ZREM', KEYS[2], id)
redis.call('DEL', KEYS[3])
for _, name in ipairs({ 'state', 'run', 'sealed', 'cancelled', 'refused', 'orders', 'open', 'issued', 'failed', 'created',
  'finished', 'label', 'parts' }) do
  redis.call('HDEL', KEYS[1], id .. ' ' .. name)
end
return 1
