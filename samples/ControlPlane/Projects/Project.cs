namespace ControlPlane.Projects;

/// <summary>A project, as stored and as clients see it.</summary>
internal sealed record Project(Guid Id, string Name, string Description, DateTime TimeCreated);

internal sealed record Vpc(Guid Id, Guid ProjectId, string Name, string Ipv6Prefix);

internal sealed record Router(Guid Id, Guid VpcId, string Name);

internal sealed record Route(Guid Id, Guid RouterId, string Name, string Destination, string Target)
{
    public const string DefaultV4 = "default-v4";
    public const string DefaultV6 = "default-v6";
}

internal sealed record Subnet(Guid Id, Guid VpcId, string Name, string Ipv4Block, string Ipv6Block)
{
    /// <summary>The name of the subnet that every project has. The others are named after their zones.</summary>
    public const string Default = "default";
}

internal sealed record FirewallRule(Guid VpcId, string Name, int Priority, string Action, string Protocol, string? Ports)
{
    /// <summary>Returns the default rules of a new VPC.</summary>
    public static IReadOnlyList<FirewallRule> DefaultsOf(Guid vpcId) =>
    [
        new(vpcId, "allow-internal-inbound", 65534, "allow", "any", Ports: null),
        new(vpcId, "allow-ssh", 65534, "allow", "tcp", "22"),
        new(vpcId, "allow-icmp", 65534, "allow", "icmp", Ports: null),
    ];
}

/// <summary>A project with its network.</summary>
internal sealed record ProjectContents(
    Project Project, Vpc Vpc, Router Router, IReadOnlyList<Route> Routes, IReadOnlyList<Subnet> Subnets, IReadOnlyList<FirewallRule> FirewallRules)
{
    public Route RouteOf(string name) => Routes.Single(route => route.Name == name);
}
