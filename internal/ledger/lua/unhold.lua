-- Unhold gives held orders of a merchant back: all of them, up to a number, when its breaker has closed, and one,
-- to be the probe, when its time is over.
--
-- KEYS[1] the breaker; KEYS[2] orders held on lane interactive; KEYS[3] on lane bulk;
-- KEYS[4] orders queued on lane interactive; KEYS[5] on lane bulk; KEYS[6] merchants that have or had a breaker open
-- ARGV[1] the merchant; ARGV[2] how many at most
-- Returns the stamp for the ids of their new tasks, how many are on lane interactive, and their keys, those first.
local us = microseconds()
local ms, most = math.floor(us / 1000), tonumber(ARGV[2])
local open = redis.call('HGET', KEYS[1], 'until')
local reply = { string.format('%.0f', us), '0' }
if open and tonumber(open) > ms then return reply end
if open then most = math.min(most, 1) end

for lane = 1, 2 do
  local left = most - (#reply - 2)
  if left > 0 then
    for _, key in ipairs(redis.call('ZRANGE', KEYS[1 + lane], 0, left - 1)) do
      redis.call('ZREM', KEYS[1 + lane], key)
      redis.call('ZADD', KEYS[3 + lane], ms, key)
      reply[#reply + 1] = key
    end
  end
  if lane == 1 then reply[2] = string.format('%d', #reply - 2) end
end
if not open and redis.call('EXISTS', KEYS[2], KEYS[3]) == 0 then redis.call('SREM', KEYS[6], ARGV[1]) end
return reply
