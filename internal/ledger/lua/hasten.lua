-- Hasten has the next probe of a merchant's breaker go now, if it is open.
--
-- KEYS[1] the breaker
-- Returns 1 if it is open, or 0.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', math.floor(microseconds() / 1000)))
return 1
