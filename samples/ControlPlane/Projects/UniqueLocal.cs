namespace ControlPlane.Projects;

/// <summary>Creates unique local IPv6 prefixes (RFC 4193): fd00::/8 and 40 pseudorandom bits.</summary>
internal static class UniqueLocal
{
    /// <summary>Returns the prefix of a VPC, such as <c>fdaa:bbbb:cccc</c>. It depends only on the id.</summary>
    public static string Prefix(Guid vpcId)
    {
        string hex = vpcId.ToString("N");
        return $"fd{hex[..2]}:{hex[2..6]}:{hex[6..10]}";
    }
}
