-- Bury takes a worker that gave no sign of life off the list. The leases it held end now.
--
-- KEYS[1] workers; KEYS[2…] orders being sent, on each lane, and whose email is
-- ARGV[1] the worker's id; ARGV[2] its last sign of life, as it was observed; ARGV[3…] keys of its orders
-- Returns 1, or 0 when it has given a sign of life since.
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) ~= tonumber(ARGV[2]) then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
local ms = math.floor(microseconds() / 1000)
for i = 3, #ARGV do
  for lane = 2, #KEYS do redis.call('ZADD', KEYS[lane], 'XX', ms, ARGV[i]) end
end
return 1
