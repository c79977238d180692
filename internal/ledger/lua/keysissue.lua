-- The keys of Issue, named as in keys.lua.
local record, results, surplus, breaker = KEYS[1], KEYS[8], KEYS[9], KEYS[10]
local open_orders, batches, mail_queued, payload = KEYS[11], KEYS[12], KEYS[13], KEYS[14]
local queued = { interactive = KEYS[2], bulk = KEYS[3] }
local sending = { interactive = KEYS[4], bulk = KEYS[5] }
local held = { interactive = KEYS[6], bulk = KEYS[7] }
local key, merchant, ref = ARGV[1], ARGV[2], ARGV[3]
