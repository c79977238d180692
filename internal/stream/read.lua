-- Read hands a consumer of a group entries of a stream. COUNT is the only bound that Redis itself offers; this one
-- stops at bytes too, after at most a few entries too many.
--
-- KEYS[1] the stream
-- ARGV[1] group; ARGV[2] consumer; ARGV[3] '>' for what is new, or an id: what the consumer was handed after it and has
-- not acknowledged; ARGV[4] entries at most; ARGV[5] bytes after which it stops
-- Returns for each entry id, number of deliveries, and fields and values, or false where the entry was deleted.
local from, left, bytes, all = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), {}
local step = 8
while left > 0 and bytes > 0 do
  local count = math.min(left, step)
  local read = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', count, 'STREAMS', KEYS[1], from)
  local entries = read and read[1][2] or {}
  for _, e in ipairs(entries) do
    local deliveries = 1
    if from ~= '>' then
      local p = redis.call('XPENDING', KEYS[1], ARGV[1], e[1], e[1], 1)[1]
      deliveries = p and p[4] or 1
    end
    for _, text in ipairs(e[2] or {}) do bytes = bytes - #text end
    all[#all + 1] = { e[1], deliveries, e[2] or false }
  end
  left = left - #entries
  if #entries < count then break end
  if from ~= '>' then from = entries[#entries][1] end
end
return all
