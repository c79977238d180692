-- Slots hands out the next slots of a merchant's rate limit, which all its workers share.
--
-- KEYS[1] when the merchant's next slot for interactive orders is (µs); KEYS[2] for bulk orders
-- ARGV[1] µs between two slots; ARGV[2] how many slots; ARGV[3] '1' for interactive orders
-- Returns µs from now until the first of them, which may be past by one interval.
--
-- Bulk orders line up behind all that were handed out before. Interactive ones line up behind one another only,
-- and push back the bulk slots that are not handed out yet: so the rate holds over time, and they go first.
local us = microseconds()
local interval, span, interactive = tonumber(ARGV[1]), ARGV[1] * ARGV[2], ARGV[3] == '1'
local function start(key) return math.max(tonumber(redis.call('GET', key) or 0), us - interval) end
local function keep(key, t) redis.call('SET', key, string.format('%.0f', t), 'PX', string.format('%.0f', (t - us) / 1000 + 60000)) end

local first = start(interactive and KEYS[1] or KEYS[2])
if interactive then keep(KEYS[1], first + span) end
keep(KEYS[2], start(KEYS[2]) + span)
return string.format('%.0f', first - us)
