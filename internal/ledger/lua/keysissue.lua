-- The keys of Issue, named as in keys.lua.
local queued = { interactive = KEYS[1], bulk = KEYS[2] }
local sending = { interactive = KEYS[3], bulk = KEYS[4] }
local held = { interactive = KEYS[5], bulk = KEYS[6] }
local results, surplus, breaker = KEYS[7], KEYS[8], KEYS[9]
local open_orders, batches, mail_queued = KEYS[10], KEYS[11], KEYS[12]
local merchant, ref = ARGV[2], nil
