-- Slots hands out the next slots of a merchant's rate limit, which all its workers share.
--
-- KEYS[1] when the merchant's next slot for interactive orders is (µs); KEYS[2] for bulk orders
-- ARGV[1] µs between two slots; ARGV[2] how many slots; ARGV[3] '1' for interactive orders; ARGV[4] µs
-- that the first slot may be ahead, or ''
-- Returns µs from now until the first of them, which may be past by one interval. If that is further ahead than it may
-- be, no slot was taken.
--
-- Bulk orders line up behind all that were handed out before. Interactive ones line up behind one another only,
-- and push back the bulk slots that are not handed out yet: so the rate holds over time, and they go first.
--
-- A key holds the next slot and its interval. When the interval changes, what was handed out ahead is stretched or
-- shortened with it (retime.lua does the same to the orders that wait for their slots), so that the rate holds, however
-- many workers have the old one still.
local us = microseconds()
local interval, span, interactive = tonumber(ARGV[1]), ARGV[1] * ARGV[2], ARGV[3] == '1'
local function look(key)
  local t, was = string.match(redis.call('GET', key) or '', '^(%d+) ?(%d*)')
  t, was = tonumber(t) or 0, tonumber(was) or interval
  if t > us and was > 0 then t = us + (t - us) * interval / was end
  return math.max(t, us - interval)
end
local function advance(key, t)
  redis.call('SET', key, string.format('%.0f %.0f', t + span, interval), 'PX', string.format('%.0f', (t + span - us) / 1000 + 60000))
end

local front, behind = look(KEYS[1]), look(KEYS[2])
local first = interactive and front or behind
if ARGV[4] ~= '' and first - us > tonumber(ARGV[4]) then return string.format('%.0f', first - us) end
if interactive then advance(KEYS[1], front) end
advance(KEYS[2], behind)
return string.format('%.0f', first - us)
