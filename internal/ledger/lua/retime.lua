-- Retime moves an order that waits for its slot of the rate limit to where that slot is at another rate.
--
-- ARGV[4] µs between two slots from now on, 0 for no limit
-- Returns retimed (wait: ms from now; task: the stamp for the id of its new task), or kept when it does not wait for a slot,
-- or for one at that rate.
local r, interval = load('state', 'lane', 'slot', 'wait'), tonumber(ARGV[4])
local us = microseconds()
local ms = math.floor(us / 1000)
local was, left = tonumber(r.slot or 0) or 0, (tonumber(r.wait or 0) or 0) - ms
if r.state ~= 'queued' or was <= 0 or was == interval or left <= 0 then return { 'kept' } end

left = math.floor(left * interval / was)
redis.call('HSET', record, 'wait', whole(ms + left), 'slot', ARGV[4])
redis.call('ZADD', queued[r.lane], 'XX', whole(ms + left), key)
return { 'retimed', 'lane', r.lane, 'wait', whole(left), 'task', whole(us) }
