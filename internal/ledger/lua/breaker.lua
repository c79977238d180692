-- A merchant's breaker. While it is open, its orders are held: parked in a set of their own, so that they cost
-- nothing until it closes. When its time is over, one attempt goes as a probe, and the others stay until that has
-- shown whether the gateway is well.

-- trip opens the breaker, or keeps it open. Only the probe makes the next time longer: the attempts that were
-- under way when it opened all met the same trouble.
local function trip(ms, first, longest, why, probe)
  local b = redis.call('HMGET', breaker, 'until', 'trips')
  local trips = tonumber(b[2] or 0)
  if not b[1] or probe or tonumber(b[1]) <= ms then
    local open = math.min(first * 2 ^ math.min(trips, 20), longest)
    redis.call('HSET', breaker, 'until', whole(ms + open), 'trips', whole(trips + 1))
  end
  redis.call('HSETNX', breaker, 'since', whole(ms))
  redis.call('HSET', breaker, 'why', why)
  redis.call('SADD', tripped, merchant)
end

-- held_until tells whether the breaker is open, and if its time is over makes this attempt the probe.
local function held_until(ms, lease)
  local t = redis.call('HGET', breaker, 'until')
  if not t then return false, false end
  if tonumber(t) > ms then return true, false end
  redis.call('HSET', breaker, 'until', whole(ms + lease)) -- until the probe is back, or lost
  return false, true
end

-- next_probe lets another attempt be the probe now: this one has shown nothing.
local function next_probe(ms)
  if redis.call('EXISTS', breaker) == 1 then redis.call('HSET', breaker, 'until', whole(ms)) end
end

-- park puts the order, which is in no set now, among the held ones.
local function park(ms, lane)
  redis.call('HDEL', record, 'slot', 'wait')
  redis.call('HSET', record, 'parked', whole(ms), 'why', redis.call('HGET', breaker, 'why') or '')
  redis.call('ZADD', held[lane], ms, key)
end
