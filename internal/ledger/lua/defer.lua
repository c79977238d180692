-- Defer moves an entry of a stream of orders behind those of its merchant that wait until fewer are open.
--
-- KEYS[1] the stream; KEYS[2] the merchant's waiting entries (stream); KEYS[3] merchants that have any (set)
-- ARGV[1] group; ARGV[2] the entry's id; ARGV[3] the merchant; ARGV[4…] fields and values to keep
-- Returns deferred, or gone when the entry was acknowledged before.
local entry = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then
  redis.call('XDEL', KEYS[2], entry)
  return { 'gone' }
end
redis.call('SADD', KEYS[3], ARGV[3])
return { 'deferred' }
