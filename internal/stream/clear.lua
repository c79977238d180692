-- Clear takes a merchant off the list of those that wait, once all of its waiting entries were handled. Entries that were
-- acknowledged but, because of a crash, not deleted go with the stream.
--
-- KEYS[1] the merchant's waiting entries (stream); KEYS[2] merchants that have any (set)
-- ARGV[1] group; ARGV[2] the merchant
-- Returns 1 when nothing waits, 0 when something does: an entry that was not handed out, or not acknowledged.
local delivered = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = {}
    for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
    if group['name'] == ARGV[1] then
      if group['pending'] > 0 then return 0 end
      delivered = group['last-delivered-id']
    end
  end
  if #redis.call('XRANGE', KEYS[1], '(' .. delivered, '+', 'COUNT', 1) > 0 then return 0 end
end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[2])
return 1
