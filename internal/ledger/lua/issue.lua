-- Issue stores links and publishes them, in one step each, for many orders of a merchant; see each.lua.
--
-- ARGV[3] retention in ms; then for each order: its key; ref; generation; number of the attempt; link id; link url; amount;
-- currency; the event's data, open-ended
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

local ms = math.floor(microseconds() / 1000)

return each(12, 3, 9, function(its_ref, gen, number, link, url, amount, currency, data)
  ref = its_ref
  local state, current, lane, fp, fields, attempts, uncertain, accepted, was_link, was_url, was_url2, listed_before, was, last, log, ids,
    mail, trace = unpack(redis.call('HMGET', record, 'state', 'gen', 'lane', 'fp', 'fields', 'attempts', 'uncertain', 'accepted',
    'link', 'url', 'url2', 'surplus', 'was', 'last', 'log', 'batches', 'mail', 'trace'))

  if state == 'issued' and current == gen and was_link == link and was_url .. (was_url2 or '') == url then
    return { 'issued' }
  end
  if last == link then return { 'issued' } end -- it was, in the generation before, and its reply was lost
  if (state ~= 'queued' and state ~= 'sending') or current ~= gen then
    local mark = ' ' .. gen .. '.' .. number
    if state then
      if string.find((listed_before or '') .. ' ', mark .. ' ', 1, true) then return { 'surplus' } end
      redis.call('HSET', record, 'surplus', (listed_before or '') .. mark)
    elseif listed(link) then
      return { 'surplus' }
    end
    redis.call('XADD', surplus, '*', 'merchant_id', merchant, 'merchant_txn_ref', ref, 'generation', gen,
      'attempt', number, 'link_id', link, 'url', url, 'time', rfc3339(ms))
    return { 'surplus' }
  end

  local owed = mail == 'owed'
  if owed then
    lift(lane, sending)
    redis.call('ZADD', mail_queued, whole(ms), key)
    local former = redis.call('HGET', record, 'order') -- see ordered
    if former then redis.call('SET', payload, former) end
  else
    settle(lane)
  end
  publish(ms, 'link.issued', gen, data, attempts, uncertain, ids)
  -- The record is written anew, and without what was ordered. And the gateway is well: that closes the breaker.
  redis.call('DEL', record, breaker, owed and breaker or payload)
  local head, tail = split(url)
  rewrite({ 'state', 'issued', 'gen', gen, 'lane', lane, 'fp', fp, 'fields', fields, 'attempts', attempts,
    'uncertain', uncertain == '1' and '1', 'accepted', accepted, 'settled', whole(ms), 'link', link,
    'url', head, 'url2', tail, 'amount', amount, 'currency', currency, 'surplus', listed_before, 'was', was, 'batches', ids, 'mail', owed and 'pending',
    'trace', owed and trace }, log, true)
  if not owed then redis.call('PEXPIRE', record, ARGV[3]) end
  if ids then
    move(batches, ids, 'open', 'issued')
    finish_all(batches, results, ms, ids)
  end
  return { 'issued' }
end)
