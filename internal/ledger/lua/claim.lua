-- Claim gives one worker the lease of an order.
--
-- ARGV[4] nonce; ARGV[5] lease in ms; and, for a task that holds the whole order:
-- ARGV[6] lane; ARGV[7] fingerprints; ARGV[8] hashes of the fields; ARGV[9] the order
-- Returns granted (all about the attempt), issued, failed, conflict (the record as it stands),
-- busy or early (wait: ms until it is worth asking again), unknown.
-- Run again with its nonce while the attempt holds the order, it answers as before.
local nonce = ARGV[4]
if ARGV[6] and admit('', ARGV[6], ARGV[7], ARGV[8], ARGV[9], '') == 'conflict' then
  return standing('conflict')
end

local r = load('state', 'gen', 'lane', 'token', 'lease', 'wait', 'n', 'attempts', 'uncertain', 'first', 'excused', 'order')
if not r.state then
  for i = 2, 5 do redis.call('ZREM', KEYS[i], key) end
  return { 'unknown' }
end
if r.state == 'issued' or r.state == 'failed' then return standing(r.state) end

local ms = math.floor(microseconds() / 1000)
r.uncertain = r.uncertain or '0'
local again = r.state == 'sending' and r.token == nonce
if not again then
  if r.state == 'sending' then
    if tonumber(r.lease) > ms then return { 'busy', 'wait', whole(r.lease - ms) } end
    r.uncertain = '1' -- the attempt before may have minted a link and never said so
  elseif tonumber(r.wait or 0) > ms then
    return { 'early', 'wait', whole(r.wait - ms) }
  end
  r.n, r.attempts, r.first = whole(r.n + 1), whole(r.attempts + 1), r.first or whole(ms)
  r.lease = whole(ms + ARGV[5])
  redis.call('HSET', record, 'state', 'sending', 'token', nonce, 'lease', r.lease, 'n', r.n,
    'attempts', r.attempts, 'first', r.first, 'uncertain', r.uncertain)
  redis.call('ZREM', queued[r.lane], key)
  redis.call('ZADD', sending[r.lane], r.lease, key)
end
return answer('granted', { 'gen', r.gen, 'n', r.n, 'lane', r.lane, 'attempts', r.attempts, 'uncertain', r.uncertain,
  'lease', whole(r.lease - ms), 'age', whole(ms - r.first - (r.excused or 0)), 'now', whole(ms), 'order', r.order })
