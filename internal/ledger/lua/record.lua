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
-- ARGV[1] the order's key, "merchant:ref", percent-encoded; ARGV[2] and ARGV[3] merchant and ref as they are
--
-- An order is open while it is in one of KEYS[2] to KEYS[5], KEYS[10] or KEYS[11]; it is in exactly one of them.
-- Each script returns an answer, followed by pairs of name and value.
local record, failed, results, surplus = KEYS[1], KEYS[6], KEYS[7], KEYS[8]
local queued = { interactive = KEYS[2], bulk = KEYS[3] }
local sending = { interactive = KEYS[4], bulk = KEYS[5] }
local breaker, workers, tripped = KEYS[9], KEYS[12], KEYS[13]
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
-- its closing brace: what only the ledger knows is added here.
local function publish(ms, kind, gen, data, attempts, uncertain)
  redis.call('XADD', results, '*',
    'v', '1', 'id', key .. ':' .. gen .. ':' .. kind, 'type', kind,
    'merchant_id', merchant, 'merchant_txn_ref', ref, 'generation', gen, 'batch', '',
    'time', rfc3339(ms),
    'data', data .. ',"attempts":' .. attempts .. ',"uncertain":' .. (uncertain == '1' and 'true' or 'false') .. '}')
end

-- Values above 64 bytes would take the record out of Redis' compact form, and a usual
-- link has about 70: it is kept in two fields.
local function split(url) return string.sub(url, 1, 64), string.sub(url, 65) end

-- settle takes the order out of whichever set of open orders it is in.
local function settle(lane)
  redis.call('ZREM', queued[lane], key)
  redis.call('ZREM', sending[lane], key)
  redis.call('ZREM', held[lane], key)
end

-- rewrite replaces the record by these fields alone, in Redis' compact form.
local function rewrite(fields)
  local kept = {}
  for i = 1, #fields, 2 do
    if fields[i + 1] and fields[i + 1] ~= '' then
      kept[#kept + 1] = fields[i]
      kept[#kept + 1] = fields[i + 1]
    end
  end
  redis.call('DEL', record)
  redis.call('HSET', record, unpack(kept))
end

-- begin opens a generation: the order is queued, and its task's id ends with the stamp
-- that is returned. Stamps are microseconds, so that no task id is used twice.
local function begin(gen, nonce, lane, fp, fields, order, r)
  local us = microseconds()
  local ms, stamp = whole(math.floor(us / 1000)), whole(us)
  rewrite({ 'state', 'queued', 'gen', gen, 'lane', lane, 'fp', fp, 'fields', fields, 'order', order,
    'token', nonce, 'task', stamp, 'attempts', '0', 'n', '0', 'accepted', ms,
    'uncertain', r.uncertain, 'surplus', r.surplus })
  redis.call('ZREM', failed, key)
  redis.call('ZADD', queued[lane], ms, key)
  return stamp
end

-- standing describes a record to somebody who sent its order again.
local function standing(word)
  local r = load('state', 'gen', 'lane', 'attempts', 'uncertain', 'link', 'url', 'url2', 'amount', 'currency',
    'code', 'message', 'fields', 'why', 'wait')
  return answer(word, { 'state', r.state, 'gen', r.gen, 'lane', r.lane, 'attempts', r.attempts,
    'uncertain', r.uncertain, 'link', r.link, 'url', r.url, 'url2', r.url2, 'amount', r.amount,
    'currency', r.currency, 'code', r.code, 'message', r.message, 'fields', r.fields,
    'why', r.why, 'wait', r.wait })
end

-- admit decides what an order that was sent becomes. Returns 'accepted' and the task's stamp
-- for a new generation; 'known' or 'conflict' otherwise.
-- sums: the order's fingerprints of every version we know, the current one first, separated by spaces.
-- reissue: the generation whose link is to be followed by another, or ''.
local function admit(nonce, lane, sums, fields, order, reissue)
  local r = load('state', 'gen', 'fp', 'token', 'task', 'code', 'uncertain', 'surplus')
  local current = string.match(sums, '^%S+')
  if not r.state then return 'accepted', begin('1', nonce, lane, current, fields, order, r) end
  if r.state == 'queued' and r.token == nonce then return 'accepted', r.task end
  if r.state == 'issued' and reissue == r.gen then
    return 'accepted', begin(whole(r.gen + 1), nonce, lane, current, fields, order, r)
  end
  for sum in string.gmatch(sums, '%S+') do
    if sum == r.fp then return 'known' end
  end
  -- Another content under a ref that failed is a correction, unless a link may be out there.
  if r.state == 'failed' and r.code ~= 'possibly_issued' then
    return 'accepted', begin(whole(r.gen + 1), nonce, lane, current, fields, order, r)
  end
  return 'conflict'
end
