-- Retime moves an order that waits for its slot of the rate limit to where that slot is at another rate.
--
-- ARGV[4] µs between two slots from now on, 0 for no limit; ARGV[5] '1' for its email, which waits for one of its own (then the
-- KEYS that record.lua names for lanes are those of emails)
-- Returns retimed (wait: ms from now; task: the stamp for the id of its new task), or kept when it does not wait for a slot,
-- or for one at that rate.
local slot = ARGV[5] == '1' and 'mslot' or 'slot'
local r, interval = load('state', 'lane', slot, 'wait', 'mail'), tonumber(ARGV[4])
local us = microseconds()
local ms = math.floor(us / 1000)
local was, left = tonumber(r[slot] or 0) or 0, (tonumber(r.wait or 0) or 0) - ms
local waits = r.state == 'queued'
if ARGV[5] == '1' then waits = r.state == 'issued' and r.mail == 'pending' end
if not waits or was <= 0 or was == interval or left <= 0 then return { 'kept' } end

left = math.floor(left * interval / was)
redis.call('HSET', record, 'wait', whole(ms + left), slot, ARGV[4])
redis.call('ZADD', queued[r.lane], 'XX', whole(ms + left), key)
return { 'retimed', 'wait', whole(left), 'task', whole(us) }
