-- Claim for many orders of a merchant; see each.lua.
--
-- ARGV[3] lease in ms; ARGV[4] the worker's id; then for each order: its key; nonce
return each(9, 4, 2, function(nonce) return claim(nonce, ARGV[3], ARGV[4]) end)
