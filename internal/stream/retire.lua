-- Retire removes consumers that hold no entry: the one that is named, or all that were not heard of for long. It is one
-- step because with a consumer Redis forgets what that was handed.
--
-- KEYS[1] the stream
-- ARGV[1] group; ARGV[2] milliseconds of silence; ARGV[3] a consumer, or '' for any
-- Returns how many went.
local retired = 0
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local c = {}
  for i = 1, #flat, 2 do c[flat[i]] = flat[i + 1] end
  local meant = c['name'] == ARGV[3] or (ARGV[3] == '' and c['idle'] >= tonumber(ARGV[2]))
  if meant and #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, c['name']) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], c['name'])
    retired = retired + 1
  end
end
return retired
