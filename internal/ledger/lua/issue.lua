-- Issue stores a link and publishes it, in one step.
--
-- ARGV[4] generation; ARGV[5] number of the attempt; ARGV[6] link id; ARGV[7] link url;
-- ARGV[8] amount; ARGV[9] currency; ARGV[10] the event's data, open-ended; ARGV[11] retention in ms
-- Returns issued (this link is the published one; from now on its email is owed, if one was asked for) or surplus (it is
-- not, and is listed).
--
-- The first link of a generation wins, even from a worker that was thought dead: the link exists,
-- and the customer waits. Every other link goes to the surplus stream, once.

-- listed tells whether a link was put on the surplus stream lately, for an order whose record is gone.
local function listed(link)
  for _, entry in ipairs(redis.call('XREVRANGE', surplus, '+', '-', 'COUNT', 100)) do
    for i = 1, #entry[2], 2 do
      if entry[2][i] == 'link_id' and entry[2][i + 1] == link then return true end
    end
  end
  return false
end

local gen, number, link, url = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local r = load('state', 'gen', 'lane', 'fp', 'fields', 'attempts', 'uncertain', 'accepted', 'link', 'url', 'url2', 'surplus',
  'was', 'last', 'log', 'batches', 'mail', 'order', 'trace')
local ms = math.floor(microseconds() / 1000)

if r.state == 'issued' and r.gen == gen and r.link == link and r.url .. (r.url2 or '') == url then
  return { 'issued' }
end
if r.last == link then return { 'issued' } end -- it was, in the generation before, and its reply was lost
if (r.state ~= 'queued' and r.state ~= 'sending') or r.gen ~= gen then
  local mark = ' ' .. gen .. '.' .. number
  if r.state then
    if string.find((r.surplus or '') .. ' ', mark .. ' ', 1, true) then return { 'surplus' } end
    redis.call('HSET', record, 'surplus', (r.surplus or '') .. mark)
  elseif listed(link) then
    return { 'surplus' }
  end
  redis.call('XADD', surplus, '*', 'merchant_id', merchant, 'merchant_txn_ref', ref, 'generation', gen,
    'attempt', number, 'link_id', link, 'url', url, 'time', rfc3339(ms))
  return { 'surplus' }
end

local owed = r.mail == 'owed'
if owed then
  lift(r.lane, sending)
  redis.call('ZADD', mail_queued, whole(ms), key)
else
  settle(r.lane)
end
redis.call('DEL', breaker) -- the gateway is well
publish(ms, 'link.issued', gen, ARGV[10], r.attempts, r.uncertain, r.batches)
local head, tail = split(url)
rewrite({ 'state', 'issued', 'gen', gen, 'lane', r.lane, 'fp', r.fp, 'fields', r.fields, 'attempts', r.attempts,
  'uncertain', r.uncertain == '1' and '1', 'accepted', r.accepted, 'settled', whole(ms), 'link', link,
  'url', head, 'url2', tail, 'amount', ARGV[8], 'currency', ARGV[9], 'surplus', r.surplus, 'was', r.was, 'batches', r.batches, 'mail', owed and 'pending',
  'order', owed and r.order, 'trace', owed and r.trace }, r.log)
if not owed then redis.call('PEXPIRE', record, ARGV[11]) end
if r.batches then
  move(batches, r.batches, 'open', 'issued')
  finish_all(batches, results, ms, r.batches)
end
return { 'issued' }
