-- Checks the invariants after the demo. Each output row is t or f, and a finding. demo.sh runs it in its folder, which contains the
-- records of the clients and the log: acknowledged (names answered with 201), in-flight and recovered (saga ids). Variables:
-- recovered and violations (from the status), errors (the number of error lines in the logs).
\set QUIET on
create temp table acknowledged (name text);
create temp table in_flight (id uuid);
create temp table recovered (id uuid);
\copy acknowledged from 'acknowledged'
\copy in_flight from 'in-flight'
\copy recovered from 'recovered'

create temp view whole_project as
select project.id, project.name
from control_plane.project
where state = 'ready'
  and (select count(*) from control_plane.vpc where project_id = project.id) = 1
  and (select count(*) from control_plane.vpc_router router join control_plane.vpc on vpc.id = router.vpc_id where project_id = project.id) = 1
  and (select count(*) from control_plane.router_route route join control_plane.vpc_router router on router.id = route.router_id
           join control_plane.vpc on vpc.id = router.vpc_id where project_id = project.id) = 2
  and (select count(*) from control_plane.vpc_subnet subnet join control_plane.vpc on vpc.id = subnet.vpc_id where project_id = project.id) = 1
  and (select count(*) from control_plane.vpc_firewall_rule rule join control_plane.vpc on vpc.id = rule.vpc_id where project_id = project.id) = 3;

-- The number of nodes, completed nodes with an undo, and events by type, for each saga.
create temp table tally as
select saga.id, saga.name, saga.state,
       json_array_length(definition.dag -> 'nodes') as nodes,
       count(*) filter (where event_type = 'started') as started,
       count(*) filter (where event_type = 'succeeded') as succeeded,
       count(*) filter (where event_type = 'failed') as failed,
       count(*) filter (where event_type = 'succeeded' and (definition.dag -> 'nodes' -> event.node_id ->> 'undo')::boolean) as to_undo,
       count(*) filter (where event_type = 'undo_started') as undo_started,
       count(*) filter (where event_type = 'undo_finished') as undo_finished,
       count(*) filter (where event_type = 'undo_failed') as undo_failed
from saga_recovery.saga
join saga_recovery.saga_definition definition on definition.hash = saga.definition_hash
left join saga_recovery.saga_node_event event on event.saga_id = saga.id
group by saga.id, definition.hash;

select count(*) filter (where whole_project.id is null) = 0 and count(*) > 0,
       format('%s projects were answered with 201: %s of them exist, each with a VPC, a router, 2 routes, a subnet and 3 firewall rules',
              count(*), count(whole_project.id))
from acknowledged left join whole_project using (name);

select count(*) filter (where whole_project.id is null) = 0,
       format('%s projects in total: %s complete, %s incomplete', count(*), count(whole_project.id), count(*) - count(whole_project.id))
from control_plane.project left join whole_project using (id);

select sum(orphans) = 0, format('%s rows without a project', sum(orphans))
from (
    select count(*) as orphans from control_plane.vpc left join control_plane.project on project.id = vpc.project_id where project.id is null
    union all
    select count(*) from control_plane.vpc_router router left join control_plane.vpc on vpc.id = router.vpc_id where vpc.id is null
    union all
    select count(*) from control_plane.router_route route left join control_plane.vpc_router router on router.id = route.router_id where router.id is null
    union all
    select count(*) from control_plane.vpc_subnet subnet left join control_plane.vpc on vpc.id = subnet.vpc_id where vpc.id is null
    union all
    select count(*) from control_plane.vpc_firewall_rule rule left join control_plane.vpc on vpc.id = rule.vpc_id where vpc.id is null
) as counted;

select count(*) filter (where state not in ('succeeded', 'unwound')) = 0,
       format('%s sagas: %s succeeded, %s unwound, %s in another state', count(*), count(*) filter (where state = 'succeeded'),
              count(*) filter (where state = 'unwound'), count(*) filter (where state not in ('succeeded', 'unwound')))
from tally;

select (select count(*) from tally where name = 'project-create' and state = 'succeeded') = (select count(*) from control_plane.project),
       format('%s project-create sagas succeeded, for %s projects',
              (select count(*) from tally where name = 'project-create' and state = 'succeeded'), (select count(*) from control_plane.project));

select (select count(*) from in_flight) = :recovered
           and (select array_agg(id order by id) from in_flight) = (select array_agg(id order by id) from recovered),
       format('%s sagas were in flight at the kill: %s resumed according to the log (each once: %s), %s recovered according to the status',
              (select count(*) from in_flight), (select count(*) from recovered),
              (select case when count(*) = count(distinct id) then 'yes' else 'no' end from recovered), :recovered);

select bool_and(started = nodes and tally.succeeded = nodes and failed + undo_started + undo_finished + undo_failed = 0),
       format('%s succeeded sagas: %s nodes, %s started, %s succeeded, %s failed or undone', count(*), sum(nodes), sum(started),
              sum(tally.succeeded), sum(failed + undo_started + undo_finished + undo_failed))
from tally where state = 'succeeded';

select bool_and(failed > 0 and started = tally.succeeded + failed and undo_started = to_undo and undo_finished = to_undo and undo_failed = 0),
       format('%s unwound sagas: %s nodes started, %s succeeded, %s failed; %s to undo, %s undone', count(*), sum(started),
              sum(tally.succeeded), sum(failed), sum(to_undo), sum(undo_finished))
from tally where state = 'unwound';

select :violations = 0 and :errors = 0, format('%s protocol violations (a saga inserted before its announcement); %s errors in the logs', :violations, :errors);
