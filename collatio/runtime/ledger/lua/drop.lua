-- DROP {call, steps?}: the call's interest ends, in some steps or in all. Waiting steps that nobody else wants
-- are removed; a running one learns it at its next RENEW.
if args.steps then
  for _, key in ipairs(args.steps) do
    redis.call('SREM', call_key(args.call), key)
    give_back_interest(args.call, key)
  end
else
  drop_call(args.call)
end
emit(true)
return reply({})
