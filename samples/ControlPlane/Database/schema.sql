-- The control plane's own tables. Runs on every start, so every statement must be idempotent.
create schema if not exists control_plane;

-- A name belongs to one project from the first node of its saga until its row is deleted.
create table if not exists control_plane.project (
    id            uuid primary key,
    name          text not null unique,
    description   text not null,
    state         text not null check (state in ('creating', 'ready', 'deleting')),
    deleting_saga uuid check ((state = 'deleting') = (deleting_saga is not null)),
    time_created  timestamptz not null default now()
);
alter table control_plane.project add column if not exists zones int not null default 0; -- with a subnet each

create table if not exists control_plane.vpc (
    id          uuid primary key,
    project_id  uuid not null references control_plane.project,
    name        text not null,
    ipv6_prefix cidr not null
);
create index if not exists vpc_project on control_plane.vpc (project_id);

create table if not exists control_plane.vpc_router (
    id     uuid primary key,
    vpc_id uuid not null references control_plane.vpc,
    name   text not null
);
create index if not exists vpc_router_vpc on control_plane.vpc_router (vpc_id);

create table if not exists control_plane.router_route (
    id          uuid primary key,
    router_id   uuid not null references control_plane.vpc_router,
    name        text not null,
    destination cidr not null,
    target      text not null,
    unique (router_id, name)
);

create table if not exists control_plane.vpc_subnet (
    id         uuid primary key,
    vpc_id     uuid not null references control_plane.vpc,
    name       text not null,
    ipv4_block cidr not null,
    ipv6_block cidr not null
);
create index if not exists vpc_subnet_vpc on control_plane.vpc_subnet (vpc_id);

create table if not exists control_plane.vpc_firewall_rule (
    vpc_id   uuid not null references control_plane.vpc,
    name     text not null,
    priority int not null,
    action   text not null check (action in ('allow', 'deny')),
    protocol text not null,
    ports    text,
    primary key (vpc_id, name)
);

-- Demo sagas wait until their row has a release time.
create table if not exists control_plane.demo_saga (
    saga_id       uuid primary key,
    time_created  timestamptz not null default now(),
    time_released timestamptz
);
