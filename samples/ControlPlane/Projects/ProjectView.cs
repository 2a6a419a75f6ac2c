namespace ControlPlane.Projects;

/// <summary>A project with its network, as clients see it.</summary>
internal sealed record ProjectView(Guid Id, string Name, string Description, DateTime TimeCreated, VpcView Vpc)
{
    public static ProjectView Of(ProjectContents contents)
    {
        (Project project, Vpc vpc, Router router, IReadOnlyList<Route> routes, IReadOnlyList<Subnet> subnets, IReadOnlyList<FirewallRule> rules) = contents;
        return new ProjectView(
            project.Id,
            project.Name,
            project.Description,
            project.TimeCreated,
            new VpcView(
                vpc.Id,
                vpc.Name,
                vpc.Ipv6Prefix,
                new RouterView(router.Id, router.Name, [.. routes.Select(route => new RouteView(route.Name, route.Destination, route.Target))]),
                [.. subnets.Select(subnet => new SubnetView(subnet.Id, subnet.Name, subnet.Ipv4Block, subnet.Ipv6Block))],
                [.. rules.Select(rule => new FirewallRuleView(rule.Name, rule.Priority, rule.Action, rule.Protocol, rule.Ports))]));
    }
}

internal sealed record VpcView(
    Guid Id, string Name, string Ipv6Prefix, RouterView Router, IReadOnlyList<SubnetView> Subnets, IReadOnlyList<FirewallRuleView> FirewallRules);

internal sealed record RouterView(Guid Id, string Name, IReadOnlyList<RouteView> Routes);

internal sealed record RouteView(string Name, string Destination, string Target);

internal sealed record SubnetView(Guid Id, string Name, string Ipv4Block, string Ipv6Block);

internal sealed record FirewallRuleView(string Name, int Priority, string Action, string Protocol, string? Ports);
