namespace ControlPlane.Projects;

/// <summary>Unique local IPv6 prefixes (RFC 4193): fd00::/8 and 40 bits that are as good as random.</summary>
internal static class UniqueLocal
{
    /// <summary>The prefix of a VPC, the same whenever it is asked for: <c>fdaa:bbbb:cccc</c>.</summary>
    public static string Prefix(Guid vpcId)
    {
        string hex = vpcId.ToString("N");
        return $"fd{hex[..2]}:{hex[2..6]}:{hex[6..10]}";
    }
}
