-- How an order's generation begins: by Accept, by a claim that brings the whole order, or by a replay.

-- unmail takes the order's email out of whichever set it is in, and returns whether it was owed still.
local function unmail()
  redis.call('ZREM', mail_failed, key)
  return redis.call('ZREM', mail_queued, key) + redis.call('ZREM', mail_sending, key) + redis.call('ZREM', mail_held, key) > 0
end

-- short is a fingerprint cut down to a word, to recognise the contents of earlier generations by.
local function short(sum) return string.sub(string.match(sum, ':(.*)$') or sum, 1, 8) end

-- earlier adds the content that r holds to those of the generations before it, the oldest of which are forgotten.
local function earlier(r, fp)
  local was = r.was or ''
  if r.fp and r.fp ~= fp then was = was .. ' ' .. short(r.fp) end
  while #was > 63 do was = string.gsub(was, '^ %S+', '', 1) end
  return was
end

-- history is the history of an order that begins another generation, with what became of the one before, and the
-- batches that it is in.
local function history(r)
  if not r.state then return '' end
  local names = { 'accepted', 'settled', 'code', 'link', 'log', 'batches' }
  for i = 0, 18 do names[#names + 1] = 'log' .. i end
  local was = load(unpack(names))
  local log = was.log or ''
  for i = 0, 18 do log = log .. (was['log' .. i] or '') end
  if was.accepted then log = note(log, was.accepted, r.gen, 'accepted') end
  if was.settled then log = note(log, was.settled, r.gen, r.state, was.link or was.code) end
  return log, was.batches
end

-- trace is the trace context that an order came with, or ''.
local trace = ''

-- begin opens a generation: the order is queued, and its task's id ends with the stamp
-- that is returned. mail: '1' if its link is to be sent by email. Stamps are microseconds, so that no task id is used twice.
-- batch: the one that a first generation begins in.
-- The first write is one that a full Redis refuses, and with it the whole script: after it, Redis would let
-- everything pass, and take in orders that nobody could work.
local function begin(gen, nonce, lane, fp, fields, order, mail, r, batch)
  local us = microseconds()
  local log, ids = history(r)
  local ms, stamp = whole(math.floor(us / 1000)), whole(us)
  redis.call('ZADD', queued[lane], ms, key)
  redis.call('SET', payload, order)
  -- (An email that is owed still goes with the generation that owed it, and that order counts as open already.)
  if not (r.state and unmail()) then redis.call('HINCRBY', open_orders, merchant, 1) end
  if r.state then redis.call('ZREM', failed, key) else ids = batch end
  rewrite({ 'state', 'queued', 'gen', gen, 'lane', lane, 'fp', fp, 'fields', fields,
    'token', nonce, 'task', stamp, 'attempts', '0', 'n', '0', 'accepted', ms,
    'uncertain', r.uncertain, 'surplus', r.surplus, 'was', earlier(r, fp), 'last', r.link or r.last, 'log', log, 'batches', ids, 'mail', mail == '1' and 'owed' or '', 'trace', trace }, nil, not r.state)
  if r.state then move(batches, ids, r.state, 'open') end
  return stamp
end

-- takes reports whether orders that nobody knows are taken in here, from those who go by the layout of a version. What is in the way
-- says 'closed', or 'open' to the layouts from one on: those before know of other partitions than the orders were in since. -1 takes none.
local function takes(layout)
  if layout < 0 then return false end
  local gate = redis.call('GET', moved)
  if not gate then return true end
  local since = string.match(gate, '^open (%d+)$')
  return since and layout >= tonumber(since)
end

-- admit decides what an order that was sent becomes. Returns 'accepted', the task's stamp, the generation, and whether the
-- order was begun just now as a new one, for a new generation; 'known', 'conflict', 'full', 'closed' or 'moved' otherwise.
-- sums: the order's fingerprints of every version we know, the current one first, separated by spaces.
-- mail: '1' if the link is to be sent by email.
-- reissue: the settled generation that is to be followed by another on purpose, whatever its content, or ''.
-- most: how many orders of the merchant may be open, or 0; beyond that it answers 'full', and nothing is stored.
-- trial: only say what would be answered.
-- batch: the one that a new order begins in, if there is one.
-- layout: the version of the layout by which it comes here; see takes.
-- shut: the batch that it comes with takes no more orders: a new generation is answered 'closed', and nothing is stored.
local function admit(nonce, lane, sums, fields, order, mail, reissue, most, layout, trial, shut, batch)
  local r = load('state', 'gen', 'fp', 'token', 'task', 'code', 'uncertain', 'surplus', 'was', 'link', 'last')
  local current = string.match(sums, '^%S+')
  local function accept(gen)
    if shut then return 'closed' end
    if most > 0 and tonumber(redis.call('HGET', open_orders, merchant) or 0) >= most then return 'full' end
    if trial then return 'accepted' end
    return 'accepted', begin(gen, nonce, lane, current, fields, order, mail, r, batch), gen, not r.state
  end
  if not r.state then
    if not takes(layout) then return 'moved' end
    return accept('1')
  end
  if r.state == 'queued' and r.token == nonce then return 'accepted', r.task, r.gen end
  if (r.state == 'issued' or r.state == 'failed') and reissue == r.gen then return accept(whole(r.gen + 1)) end
  local again = false
  for sum in string.gmatch(sums, '%S+') do
    if sum == r.fp then return 'known' end
    again = again or string.find((r.was or '') .. ' ', ' ' .. short(sum) .. ' ', 1, true)
  end
  -- Another content under a ref that failed is a correction. But not if a link may be out there; and not if it was
  -- corrected before: then it is an old event that comes late, and would undo the correction.
  if r.state == 'failed' and r.code ~= 'possibly_issued' and r.uncertain ~= '1' and not again then
    return accept(whole(r.gen + 1))
  end
  return 'conflict'
end
