extension FixedWidthInteger {
    /// The sum, or the greatest number there is: what others wrote must not end the process.
    public func plus(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    /// The product of two numbers that are not negative, or the greatest number there is.
    public func times(_ other: Self) -> Self {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
