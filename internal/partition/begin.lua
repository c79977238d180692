-- Begin has a namespace that nobody used yet have a number of partitions.
--
-- KEYS[1] its layout (hash); KEYS[2] closes the namespace itself to new orders, if they go to others; KEYS[3] the result
-- stream, which a consumer may have made, and nobody used; KEYS[4] and so on: if one of these is there, it is in use
-- ARGV[1] how many partitions
-- Returns 1, or 0 when it is in use and has another number.
local stored = redis.call('HGET', KEYS[1], 'partitions')
if stored then return stored == ARGV[1] and 1 or 0 end
local used = false
if redis.call('EXISTS', KEYS[3]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[3])
  for i = 1, #info - 1, 2 do
    used = used or info[i] == 'length' and info[i + 1] > 0 or info[i] == 'last-generated-id' and info[i + 1] ~= '0-0' and info[i + 1] ~= ''
  end
end
for i = 4, #KEYS do used = used or redis.call('EXISTS', KEYS[i]) == 1 end
if used then return ARGV[1] == '1' and 1 or 0 end
redis.call('HSET', KEYS[1], 'partitions', ARGV[1], 'version', '1')
if ARGV[1] ~= '1' then redis.call('SET', KEYS[2], 'closed 1') end
return 1
