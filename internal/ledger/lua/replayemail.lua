-- ReplayEmail has a failed email sent again, or gives it up for good. (The KEYS that record.lua names for lanes and breakers are
-- here those of emails.)
--
-- ARGV[4] generation; ARGV[5] nonce; ARGV[6] '1' to give it up; ARGV[7] retention in ms
-- Returns accepted (task), discarded, or stale when the email has not failed or the order moved on.
-- Run again with its nonce before anybody claimed the email, it answers as before.
local gen, nonce = ARGV[4], ARGV[5]
local r = load('state', 'gen', 'mail', 'token', 'task', 'mrun', 'log', 'mfailed', 'mcode')
if r.state ~= 'issued' or r.gen ~= gen then return { 'stale' } end
if r.mail == 'pending' and r.token == nonce then return answer('accepted', { 'task', r.task }) end
if ARGV[6] == '1' and r.mail == 'discarded' then return { 'discarded' } end
if r.mail ~= 'failed' then return { 'stale' } end

local us = microseconds()
local ms = math.floor(us / 1000)
if ARGV[6] == '1' then
  redis.call('ZREM', failed, key)
  redis.call('DEL', payload)
  redis.call('HDEL', record, 'order')
  redis.call('HSET', record, 'mail', 'discarded')
  redis.call('PEXPIRE', record, ARGV[7])
  return { 'discarded' }
end
redis.call('ZADD', queued.bulk, whole(ms), key)
redis.call('ZREM', failed, key)
redis.call('HINCRBY', open_orders, merchant, 1)
redis.call('HDEL', record, 'mn', 'mfirst', 'mgone', 'mexcused', 'wait', 'why', 'mcode', 'mmessage', 'mfailed', 'mslot', 'mtrips')
redis.call('HSET', record, 'mail', 'pending', 'token', nonce, 'task', whole(us), 'mrun', whole((r.mrun or 1) + 1))
return answer('accepted', { 'task', whole(us) })
