-- What the scripts for one order share. They all take the same keys:
--
-- KEYS[1] the order's record (hash)
-- KEYS[2] orders queued on lane interactive (zset: key, ms when its task is surely in the queue)
-- KEYS[3] orders queued on lane bulk
-- KEYS[4] orders being sent on lane interactive (zset: key, ms when the lease ends)
-- KEYS[5] orders being sent on lane bulk
-- KEYS[6] failed orders (zset: key, ms when it failed)
-- KEYS[7] the result stream
-- KEYS[8] the stream of surplus links
-- KEYS[9] the breaker of the order's merchant (hash, absent while closed)
-- KEYS[10] orders of the merchant held by its breaker, on lane interactive (zset: key, ms when held)
-- KEYS[11] orders of the merchant held by its breaker, on lane bulk
-- KEYS[12] workers that are alive (zset: id, ms of the last sign of life)
-- KEYS[13] merchants that have or had a breaker open (set)
-- KEYS[14] how many orders of each merchant are open (hash)
-- KEYS[15] batches (hash; see batch.lua)
-- KEYS[16] orders whose email waits for its task (zset, as KEYS[2]); KEYS[17] whose email is being sent (as KEYS[4])
-- KEYS[18] whose email failed (as KEYS[6]); KEYS[19] whose email is held, since mails of the merchant do not go out (as KEYS[10])
-- ARGV[1] the order's key, "merchant:ref", percent-encoded; ARGV[2] and ARGV[3] merchant and ref as they are
--
-- An order is open while it is in one of KEYS[2] to KEYS[5], KEYS[10] or KEYS[11]; it is in exactly one of them, or, with its
-- link issued and its email owed, in one of KEYS[16], KEYS[17] and KEYS[19].
-- Each script returns an answer, followed by pairs of name and value.
local record, failed, results, surplus = KEYS[1], KEYS[6], KEYS[7], KEYS[8]
local queued = { interactive = KEYS[2], bulk = KEYS[3] }
local sending = { interactive = KEYS[4], bulk = KEYS[5] }
local breaker, workers, tripped, open_orders, batches = KEYS[9], KEYS[12], KEYS[13], KEYS[14], KEYS[15]
local held = { interactive = KEYS[10], bulk = KEYS[11] }
local key, merchant, ref = ARGV[1], ARGV[2], ARGV[3]

local function whole(number) return string.format('%.0f', number) end

-- load reads the named fields into a table; absent fields are false.
local function load(...)
  local names, values, r = { ... }, redis.call('HMGET', record, ...), {}
  for i, name in ipairs(names) do r[name] = values[i] end
  return r
end

-- answer returns a reply of pairs, leaving out those without a value.
local function answer(word, pairs_)
  local reply = { word }
  for i = 1, #pairs_, 2 do
    if pairs_[i + 1] and pairs_[i + 1] ~= '' then
      reply[#reply + 1] = pairs_[i]
      reply[#reply + 1] = pairs_[i + 1]
    end
  end
  return reply
end

-- publish appends the one terminal event of a generation. data is a JSON object without
-- its closing brace: what only the ledger knows is added here. ids: the batches that the order is in. id: the event's, if it is not the usual one.
local function publish(ms, kind, gen, data, attempts, uncertain, ids, id)
  redis.call('XADD', results, '*',
    'v', '1', 'id', id or key .. ':' .. gen .. ':' .. kind, 'type', kind,
    'merchant_id', merchant, 'merchant_txn_ref', ref, 'generation', gen, 'batch', ids or '',
    'time', rfc3339(ms),
    'data', data .. ',"attempts":' .. attempts .. ',"uncertain":' .. (uncertain == '1' and 'true' or 'false') .. '}')
end

-- Values above 64 bytes would take the record out of Redis' compact form, and a usual
-- link has about 70: it is kept in two fields.
local function split(url) return string.sub(url, 1, 64), string.sub(url, 65) end

-- lift takes the order out of whichever set of open orders it is in, and returns how many it was in. (One whose
-- lease ran out is moved to a queue before anybody claims it again.)
local function lift(lane)
  return redis.call('ZREM', queued[lane], key) + redis.call('ZREM', sending[lane], key) + redis.call('ZREM', held[lane], key)
end

-- unmail takes the order's email out of whichever set it is in, and returns whether it was owed still.
local function unmail()
  redis.call('ZREM', KEYS[18], key)
  return redis.call('ZREM', KEYS[16], key) + redis.call('ZREM', KEYS[17], key) + redis.call('ZREM', KEYS[19], key) > 0
end

-- settle takes the order out of the open ones for good.
local function settle(lane)
  lift(lane)
  if redis.call('HINCRBY', open_orders, merchant, -1) <= 0 then redis.call('HDEL', open_orders, merchant) end
end

-- note adds a step to the order's history: what happened when, in which generation, and why, in a few words. Of very
-- many steps the earliest are left out. An order whose only attempt brought its link has none: what there is to know
-- about that is in the record.
local function note(log, ms, gen, what, why)
  log = (log and log ~= '' and log .. '\n' or '') .. whole(tonumber(ms)) .. ' ' .. gen .. ' ' .. what
  if why and why ~= '' then log = log .. ' ' .. string.sub(why, 1, 60) end
  while #log > 1200 do log = string.gsub(log, '^[^\n]*\n', '', 1) end
  return log
end

-- chunks cuts a history into fields that leave a record in its compact form.
local function chunks(log)
  local fields = {}
  for i = 1, #(log or ''), 64 do
    fields[#fields + 1] = 'log' .. #fields / 2
    fields[#fields + 1] = string.sub(log, i, i + 63)
  end
  return fields
end

-- rewrite replaces the record by these fields alone, and the history if there is one, in Redis' compact form. first: there is none yet.
local function rewrite(fields, log, first)
  local kept = chunks(log)
  for i = 1, #fields, 2 do
    if fields[i + 1] and fields[i + 1] ~= '' then
      kept[#kept + 1] = fields[i]
      kept[#kept + 1] = fields[i + 1]
    end
  end
  if not first then redis.call('DEL', record) end
  redis.call('HSET', record, unpack(kept))
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
  -- (An email that is owed still goes with the generation that owed it, and that order counts as open already.)
  if not (r.state and unmail()) then redis.call('HINCRBY', open_orders, merchant, 1) end
  if r.state then redis.call('ZREM', failed, key) else ids = batch end
  rewrite({ 'state', 'queued', 'gen', gen, 'lane', lane, 'fp', fp, 'fields', fields, 'order', order,
    'token', nonce, 'task', stamp, 'attempts', '0', 'n', '0', 'accepted', ms,
    'uncertain', r.uncertain, 'surplus', r.surplus, 'was', earlier(r, fp), 'last', r.link or r.last, 'log', log, 'batches', ids, 'mail', mail == '1' and 'owed' or '', 'trace', trace }, nil, not r.state)
  if r.state then move(batches, ids, r.state, 'open') end
  return stamp
end

-- standing describes a record to somebody who sent its order again.
local function standing(word)
  local r = load('state', 'gen', 'lane', 'attempts', 'uncertain', 'link', 'url', 'url2', 'amount', 'currency',
    'code', 'message', 'fields', 'why', 'wait', 'batches', 'mail', 'mailed')
  return answer(word, { 'state', r.state, 'gen', r.gen, 'lane', r.lane, 'attempts', r.attempts,
    'uncertain', r.uncertain, 'link', r.link, 'url', r.url, 'url2', r.url2, 'amount', r.amount,
    'currency', r.currency, 'code', r.code, 'message', r.message, 'fields', r.fields,
    'why', r.why, 'wait', r.wait, 'batches', r.batches,
    'mail', r.mail, 'mailed', r.mailed })
end

-- admit decides what an order that was sent becomes. Returns 'accepted', the task's stamp, the generation, and whether the
-- order was begun just now as a new one, for a new generation; 'known', 'conflict', 'full' or 'closed' otherwise.
-- sums: the order's fingerprints of every version we know, the current one first, separated by spaces.
-- mail: '1' if the link is to be sent by email.
-- reissue: the settled generation that is to be followed by another on purpose, whatever its content, or ''.
-- most: how many orders of the merchant may be open, or 0; beyond that it answers 'full', and nothing is stored.
-- trial: only say what would be answered.
-- batch: the one that a new order begins in, if there is one.
-- shut: the batch that it comes with takes no more orders: a new generation is answered 'closed', and nothing is stored.
local function admit(nonce, lane, sums, fields, order, mail, reissue, most, trial, shut, batch)
  local r = load('state', 'gen', 'fp', 'token', 'task', 'code', 'uncertain', 'surplus', 'was', 'link', 'last')
  local current = string.match(sums, '^%S+')
  local function accept(gen)
    if shut then return 'closed' end
    if most > 0 and tonumber(redis.call('HGET', open_orders, merchant) or 0) >= most then return 'full' end
    if trial then return 'accepted' end
    return 'accepted', begin(gen, nonce, lane, current, fields, order, mail, r, batch), gen, not r.state
  end
  if not r.state then return accept('1') end
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
