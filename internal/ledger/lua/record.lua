-- What the scripts for one order share.

local function whole(number) return string.format('%d', number) end

-- load reads the named fields into a table; absent fields are false.
local function load(...)
  local names, values, r = { ... }, redis.call('HMGET', record, ...), {}
  for i = 1, #names do r[names[i]] = values[i] end
  return r
end

-- ordered returns what was ordered. Versions before 2026-11-22 kept it in the record.
local function ordered() return redis.call('GET', payload) or redis.call('HGET', record, 'order') end

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

-- Values above 64 bytes would take the record out of Redis' compact form, and a usual
-- link has about 70: it is kept in two fields.
local function split(url) return string.sub(url, 1, 64), string.sub(url, 65) end

-- lift takes the order out of the set of open orders that it is in, and returns how many it was in. likely is the one to
-- look in first. (One whose lease ran out is moved to a queue before anybody claims it again.)
local function lift(lane, likely)
  if likely and redis.call('ZREM', likely[lane], key) == 1 then return 1 end
  return redis.call('ZREM', queued[lane], key) + redis.call('ZREM', sending[lane], key) + redis.call('ZREM', held[lane], key)
end

-- settle takes the order out of the open ones for good.
local function settle(lane)
  lift(lane, sending)
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
