-- Due takes the orders of one lane that nobody works on although their time has come.
--
-- KEYS[1] orders queued on the lane; KEYS[2] orders being sent on the lane
-- ARGV[1] grace in ms; ARGV[2] how many at most; ARGV[3] ms when the oldest waiting task was queued, by the
-- clock of whoever queued it, or '' if no task waits; ARGV[4…] keys of the orders whose tasks have waited longest
-- Returns the stamp for the ids of their new tasks, then the orders' keys.
--
-- A queue is first in, first out. So an order is lost only if its task should have been in the queue before
-- the oldest one that still waits: whatever waits behind that one is never looked at, and the cost does not
-- grow with the backlog. Those taken wait in line again, so that no two reapers take the same.
local grace, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local us = microseconds()
local ms = math.floor(us / 1000)

local oldest = nil
for i = 4, #ARGV do
  local since = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or nil)
  if since and (not oldest or since < oldest) then oldest = since end
end
local horizon = math.min(ms, oldest or ms, tonumber(ARGV[3]) or ms)

local reply = { string.format('%.0f', us) }
local function take(zset, before)
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', zset, '-inf', before, 'LIMIT', 0, limit - #reply + 1)) do
    redis.call('ZREM', zset, key)
    redis.call('ZADD', KEYS[1], ms, key) -- from now on it waits for its new task
    reply[#reply + 1] = key
  end
end
take(KEYS[1], horizon - grace)
take(KEYS[2], ms) -- leases that ran out
return reply
